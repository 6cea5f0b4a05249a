#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No script has anything that shellcheck finds.
cd "$(dirname "$0")/../.." || exit 1
mapfile -t scripts < <(find selftests tools Documentation -name '*.sh' -type f)
shellcheck -x -P SCRIPTDIR "${scripts[@]}" .ci/run || exit 1
mapfile -t completions < <(find tools -name '*.bash-completion' -type f)
[ ${#completions[@]} -eq 0 ] || shellcheck -s bash "${completions[@]}"
