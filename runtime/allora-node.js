#!/usr/bin/env node
// The program under the name that the images of the Go nodes have for it; plain JavaScript, as inferbase.js is.
process.argv.splice(2, 0, 'allora-node');
import('./inferbase.js');
