#!/bin/sh
# What the image starts: a command of inferbase, another program by its name or path, or, from flags alone, allora-node, as
# the images of the Allora inference base do.
set -eu
case "${1-}" in
  -h | --help | -v | --version) exec inferbase "$@" ;;
  -*) exec allora-node "$@" ;;
  allora-* | inferbase | bash | sh | env | node | npm | npx | python | python3 | pip | pip3 | */*) exec "$@" ;;
  '') exec inferbase serve ;;
  *) exec inferbase "$@" ;;
esac
