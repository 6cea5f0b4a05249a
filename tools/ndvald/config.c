// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the configuration file.
 *
 * inih splits a line into key and value. It is given one line at a time, since
 * by itself it tells only the first faulty line, cuts section names after 49
 * bytes, hides empty sections, and takes an indented line for more of the
 * value above. Sections are therefore read here.
 *
 * Every error is told, with its line, before the file is refused.
 */
#include "config.h"
#include "log.h"
#include "parser.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES	190	/* inih cuts a line at 200 */
#define BLANKS		" \t\r\n\v\f"
#define SEPARATORS	", \t"

#define complain	parser_complain

/**
 * parser_complain() - tell an error
 * @parser: in use
 * @line: where it is
 * @format: of printf(): what is wrong and what to do
 */
void parser_complain(struct parser *parser, int line, const char *format, ...)
{
	char text[768], clean[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error("%s:%d: %s", parser->path, line, log_escape(clean, sizeof(clean), text));
	parser->errors++;
}

/* One more, zeroed element at the end of an array. */
static void *grow(struct parser *parser, void *array, size_t *count, size_t size)
{
	char *grown = reallocarray(array, *count + 1, size);

	if (!grown) {
		parser->no_memory = true;
		return NULL;
	}
	memset(grown + *count * size, 0, size);
	(*count)++;
	return grown;
}

/**
 * config_check_name() - is this a name for a member or a pair?
 * @name: the name
 *
 * Return: NULL if so, else what is wrong, in the kernel's words.
 */
const char *config_check_name(const char *name)
{
	const char *c;

	if (!*name)
		return "a name must not be empty";
	if (strlen(name) > NDVAL_NAME_MAX)
		return "a name has at most 63 bytes";
	if (*name == '.')
		return "a name must not start with .";
	for (c = name; *c; c++) {
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return "a name has only letters, digits and . _ -";
	}
	return NULL;
}

static bool check_name(struct parser *parser, const char *what, const char *name)
{
	const char *problem = config_check_name(name);

	if (problem)
		complain(parser, parser->line, "%s '%.80s': %s", what, name, problem);
	return !problem;
}

static bool add_address(struct parser *parser, const char *key, struct address_list *list,
			const char *word)
{
	struct address address;
	const char *problem;
	size_t i;

	problem = address_parse(&address, word);
	if (problem) {
		complain(parser, parser->line, "%s '%.80s': %s", key, word, problem);
		return false;
	}
	if (address.vsock && !strcmp(address.host, ADDRESS_VSOCK_ANY) && strcmp(key, "listen")) {
		complain(parser, parser->line, "%s '%.80s': name the CID of the peer", key, word);
		return false;
	}
	for (i = 0; i < list->count; i++) {
		if (address_equal(&list->item[i], &address)) {
			complain(parser, parser->line, "%s '%.80s' is there already: remove one",
				 key, word);
			return false;
		}
	}
	if (list->count == ADDRESS_LIST_MAX) {
		complain(parser, parser->line, "%s '%.80s' is one too many: use %d at most",
			 key, word, ADDRESS_LIST_MAX);
		return false;
	}
	list->item[list->count++] = address;
	return true;
}

static void read_listen(struct parser *parser, char *value)
{
	struct config *config = parser->config;
	struct address_list *list = &config->listen;
	char *word, *rest;

	for (word = strtok_r(value, SEPARATORS, &rest); word;
	     word = strtok_r(NULL, SEPARATORS, &rest)) {
		if (!strcmp(word, "none"))
			config->listen_none = true;
		else if (add_address(parser, "listen", list, word) &&
			 !list->item[list->count - 1].numeric)
			complain(parser, parser->line,
				 "listen '%.80s': use an address of this host, not a name", word);
	}
	if (config->listen_none && list->count)
		complain(parser, parser->line,
			 "listen has 'none' and addresses: use one or the other");
}

static void read_host_key(struct parser *parser, const char *key, char *value)
{
	struct config *config = parser->config;

	if (!strcmp(key, "name")) {
		if (check_name(parser, "name", value))
			strcpy(config->host, value);
	} else if (!strcmp(key, "listen")) {
		read_listen(parser, value);
	} else if (!security_read_key(parser, key, value)) {
		complain(parser, parser->line,
			 "unknown key '%s' in [host]: use name, listen, security, key_file, ca, certificate, key, rekey_after or rekey_messages",
			 key);
	}
}

static void read_peer_key(struct parser *parser, const char *key, char *value)
{
	struct peer_config *peer = parser->peer;
	char *word, *rest;

	if (!strcmp(key, "address")) {
		for (word = strtok_r(value, SEPARATORS, &rest); word;
		     word = strtok_r(NULL, SEPARATORS, &rest)) {
			if (!strcmp(word, "any"))
				peer->any = true;
			else
				add_address(parser, "address", &peer->addresses, word);
		}
	} else if (!security_read_key(parser, key, value)) {
		complain(parser, parser->line,
			 "unknown key '%s' in [peer %s]: use address, security, key_file, rekey_after or rekey_messages",
			 key, peer->name);
	}
}

static void read_peers(struct parser *parser, char *value)
{
	struct pair_config *pair = parser->pair;
	char *word, *rest;
	void *grown;
	size_t i;

	pair->peers_line = parser->line;
	for (word = strtok_r(value, SEPARATORS, &rest); word;
	     word = strtok_r(NULL, SEPARATORS, &rest)) {
		if (!check_name(parser, "peers", word))
			continue;
		for (i = 0; i < pair->peer_count && strcmp(pair->peers[i], word); i++)
			;
		if (i < pair->peer_count) {
			complain(parser, parser->line, "peers names '%s' twice: remove one", word);
			continue;
		}
		grown = grow(parser, pair->peers, &pair->peer_count, sizeof(*pair->peers));
		if (!grown)
			return;
		pair->peers = grown;
		strcpy(pair->peers[pair->peer_count - 1], word);
	}
}

static void complain_pair_key(struct parser *parser, const char *key)
{
	char keys[256] = "peers, group";
	size_t used = strlen(keys);
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		used += snprintf(keys + used, sizeof(keys) - used, ", %s", settings[i].name);
	complain(parser, parser->line, "unknown key '%s' in [pair %s]: there are %s", key,
		 parser->pair->name, keys);
}

static void read_pair_key(struct parser *parser, const char *key, char *value)
{
	const struct setting *setting = setting_find(key);
	struct pair_config *pair = parser->pair;
	char problem[SETTING_PROBLEM_MAX];
	size_t i;

	if (!strcmp(key, "peers")) {
		read_peers(parser, value);
	} else if (!strcmp(key, "group")) {
		if (check_name(parser, "group", value))
			strcpy(pair->group, value);
	} else if (!setting) {
		complain_pair_key(parser, key);
	} else {
		i = setting - settings;
		pair->given[i] = setting_parse(setting, value, &pair->values[i], problem);
		if (!pair->given[i])
			complain(parser, parser->line, "%s", problem);
	}
}

/* Lists may be spread over several lines, all else is said once. */
static bool is_list(const char *key)
{
	return !strcmp(key, "listen") || !strcmp(key, "address") || !strcmp(key, "peers");
}

/* Return: whether @key is new in this section; remembers the ones there are. */
static bool first_time(struct parser *parser, const char *key)
{
	static const char * const keys[] = {
		"name", "security", "key_file", "ca", "certificate", "key", "rekey_after",
		"rekey_messages", "group",
	};
	const struct setting *setting = setting_find(key);
	const char *known = setting ? setting->name : NULL;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]) && !known; i++) {
		if (!strcmp(key, keys[i]))
			known = keys[i];
	}
	for (i = 0; known && parser->seen[i]; i++) {
		if (parser->seen[i] == known) {
			complain(parser, parser->line, "%s is set already, at line %d: remove one",
				 key, parser->seen_line[i]);
			return false;
		}
	}
	if (known) {
		parser->seen[i] = known;
		parser->seen_line[i] = parser->line;
	}
	return true;
}

/* key-file is key_file. */
static const char *with_underscores(char *copy, size_t size, const char *key)
{
	char *c;

	snprintf(copy, size, "%s", key);
	for (c = copy; *c; c++) {
		if (*c == '-')
			*c = '_';
	}
	return copy;
}

static int read_key(void *data, const char *section, const char *key, const char *value)
{
	struct parser *parser = data;
	char copy[LINE_MAX_BYTES + 1], name[LINE_MAX_BYTES + 1];

	(void)section;
	key = with_underscores(name, sizeof(name), key);
	if (parser->section == SECTION_NONE) {
		if (parser->first_section)
			complain(parser, parser->line,
				 "'%s' is in no section: put [host], [peer NAME] or [pair NAME] above it",
				 key);
		return 1;
	}
	if (!*value && strcmp(key, "instances")) {
		complain(parser, parser->line, "'%s' has no value: write one or remove the line",
			 key);
		return 1;
	}
	if (!is_list(key) && !first_time(parser, key))
		return 1;

	snprintf(copy, sizeof(copy), "%s", value);
	if (parser->section == SECTION_HOST)
		read_host_key(parser, key, copy);
	else if (parser->section == SECTION_PEER)
		read_peer_key(parser, key, copy);
	else
		read_pair_key(parser, key, copy);
	return 1;
}

static void begin_host(struct parser *parser)
{
	if (parser->config->host_line) {
		complain(parser, parser->line,
			 "[host] is there already, at line %d: make them one",
			 parser->config->host_line);
		return;
	}
	parser->config->host_line = parser->line;
	parser->section = SECTION_HOST;
}

static void begin_peer(struct parser *parser, const char *name)
{
	const struct peer_config *old = config_peer(parser->config, name);
	struct peer_config *peers;

	if (old) {
		complain(parser, parser->line,
			 "[peer %s] is there already, at line %d: make them one", name, old->line);
		return;
	}
	peers = grow(parser, parser->config->peers, &parser->config->peer_count, sizeof(*peers));
	if (!peers)
		return;
	parser->config->peers = peers;
	parser->peer = &peers[parser->config->peer_count - 1];
	parser->peer->line = parser->line;
	strcpy(parser->peer->name, name);
	parser->section = SECTION_PEER;
}

static void begin_pair(struct parser *parser, const char *name)
{
	struct pair_config *pairs;
	size_t i;

	for (i = 0; i < parser->config->pair_count; i++) {
		if (!strcmp(parser->config->pairs[i].name, name)) {
			complain(parser, parser->line,
				 "[pair %s] is there already, at line %d: make them one", name,
				 parser->config->pairs[i].line);
			return;
		}
	}
	pairs = grow(parser, parser->config->pairs, &parser->config->pair_count, sizeof(*pairs));
	if (!pairs)
		return;
	parser->config->pairs = pairs;
	parser->pair = &pairs[parser->config->pair_count - 1];
	parser->pair->line = parser->line;
	strcpy(parser->pair->name, name);
	parser->section = SECTION_PAIR;
}

/* "[KIND]" or "[KIND NAME]"; @line is cut to pieces. */
static void begin_section(struct parser *parser, char *line)
{
	char *end = strchr(line, ']');
	char *kind, *name, *more, *rest;

	parser->section = SECTION_NONE;
	parser->first_section = false;
	memset(parser->seen, 0, sizeof(parser->seen));
	if (!end || end[1]) {
		complain(parser, parser->line, "a section is [host], [peer NAME] or [pair NAME]");
		return;
	}
	*end = '\0';
	kind = strtok_r(line + 1, " \t", &rest);
	name = kind ? strtok_r(NULL, " \t", &rest) : NULL;
	more = name ? strtok_r(NULL, " \t", &rest) : NULL;

	if (kind && !strcmp(kind, "host") && !name) {
		begin_host(parser);
	} else if (kind && !strcmp(kind, "peer") && name && !more) {
		if (check_name(parser, "peer", name))
			begin_peer(parser, name);
	} else if (kind && !strcmp(kind, "pair") && name && !more) {
		if (check_name(parser, "pair", name))
			begin_pair(parser, name);
	} else {
		complain(parser, parser->line,
			 "unknown section: use [host], [peer NAME] or [pair NAME]");
	}
}

/* Take blanks at both ends and comments away; # and ; begin one after a blank. */
static char *strip(char *line)
{
	char *c;

	line += strspn(line, BLANKS);
	for (c = line; *c; c++) {
		if ((*c == '#' || *c == ';') && (c == line || strchr(BLANKS, c[-1])))
			break;
	}
	while (c > line && strchr(BLANKS, c[-1]))
		c--;
	*c = '\0';
	return line;
}

static void read_line(struct parser *parser, char *line)
{
	line = strip(line);
	if (!*line)
		return;
	if (strlen(line) > LINE_MAX_BYTES)
		complain(parser, parser->line,
			 "the line has more than %d bytes: spread lists over several lines with the same key",
			 LINE_MAX_BYTES);
	else if (*line == '[')
		begin_section(parser, line);
	else if (ini_parse_string(line, read_key, parser))
		complain(parser, parser->line, "'%.40s' is neither [SECTION] nor KEY = VALUE",
			 line);
}

static void check_peer(struct parser *parser, const struct peer_config *peer)
{
	if (!strcmp(peer->name, parser->config->host))
		complain(parser, peer->line,
			 "[peer %s] has the name of this host itself: give each host its own name",
			 peer->name);
	if (!peer->addresses.count && !peer->any)
		complain(parser, peer->line,
			 "[peer %s] has no address: add 'address = HOST', or 'address = any' if it connects to here from wherever it is",
			 peer->name);
}

static uint64_t value_of(const struct pair_config *pair, const char *name, uint64_t otherwise)
{
	size_t i = setting_find(name) - settings;

	return pair->given[i] ? pair->values[i] : otherwise;
}

static void check_pair(struct parser *parser, const struct pair_config *pair)
{
	uint64_t ring = value_of(pair, "ring_size", 256 * 1024);
	size_t i;

	for (i = 0; i < pair->peer_count; i++) {
		if (!strcmp(pair->peers[i], parser->config->host))
			complain(parser, pair->peers_line,
				 "peers of [pair %s] names this host itself: name the others",
				 pair->name);
		else if (!config_peer(parser->config, pair->peers[i]))
			complain(parser, pair->peers_line,
				 "peers of [pair %s] names '%s', but there is no [peer %s]: add it",
				 pair->name, pair->peers[i], pair->peers[i]);
	}
	if (value_of(pair, "retain", 0) > ring)
		complain(parser, pair->line,
			 "retain of [pair %s] is more than its ring_size: lower the one or raise the other",
			 pair->name);
	if (value_of(pair, "prefetch", 0) > ring / 2)
		complain(parser, pair->line,
			 "prefetch of [pair %s] is more than half of its ring_size: lower the one or raise the other",
			 pair->name);
}

static void check_config(struct parser *parser)
{
	const struct config *config = parser->config;
	size_t i;

	if (!config->host_line)
		complain(parser, 1, "there is no [host]: add it, with this host's name");
	else if (!config->host[0] && !parser->errors)
		complain(parser, config->host_line, "[host] has no name: add 'name = NAME'");
	for (i = 0; i < config->peer_count; i++)
		check_peer(parser, &config->peers[i]);
	for (i = 0; i < config->pair_count; i++)
		check_pair(parser, &config->pairs[i]);
	security_settle(parser);
}

static void read_lines(struct parser *parser, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while (!parser->no_memory) {
		errno = 0;
		length = getline(&line, &size, file);
		if (length < 0)
			break;
		parser->line++;
		if (strlen(line) != (size_t)length)
			complain(parser, parser->line, "a NUL byte: this is not a text file");
		else
			read_line(parser, line);
	}
	if (errno) {
		log_error("%s: %s", parser->path, strerror(errno));
		parser->errors++;
	}
	free(line);
}

/**
 * config_read() - read and check a configuration file
 * @path: where it is
 *
 * Return: the configuration, or NULL after all errors were logged.
 */
struct config *config_read(const char *path)
{
	struct parser parser = { .path = path, .first_section = true };
	FILE *file;

	file = fopen(path, "re");
	if (!file) {
		log_error("%s: %s", path, strerror(errno));
		return NULL;
	}
	parser.config = calloc(1, sizeof(*parser.config));
	if (parser.config) {
		read_lines(&parser, file);
		if (!parser.no_memory)
			check_config(&parser);
	}
	fclose(file);

	if (!parser.config || parser.no_memory) {
		log_error("%s: %s", path, strerror(ENOMEM));
		parser.errors++;
	}
	if (parser.errors) {
		config_free(parser.config);
		return NULL;
	}
	return parser.config;
}

/**
 * config_free() - the opposite of config_read()
 * @config: may be NULL
 */
void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->pair_count; i++)
		free(config->pairs[i].peers);
	for (i = 0; i < config->peer_count; i++)
		keys_put(config->peers[i].keys);
	keys_put(config->x509);
	free(config->peers);
	free(config->pairs);
	free(config);
}

/**
 * config_peer() - look up a configured peer
 * @config: where
 * @name: of the peer
 *
 * Return: the peer or NULL.
 */
const struct peer_config *config_peer(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->peer_count; i++) {
		if (!strcmp(config->peers[i].name, name))
			return &config->peers[i];
	}
	return NULL;
}
