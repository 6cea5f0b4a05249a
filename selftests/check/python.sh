#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python files parse without a warning.
cd "$(dirname "$0")/../.." || exit 1
find selftests tools -name '*.py' -type f -exec /usr/bin/python3 -W error -c '
import ast, pathlib, sys
for name in sys.argv[1:]:
    ast.parse(pathlib.Path(name).read_text(encoding="utf-8"), name)
' {} +
