#!/usr/bin/env node
// The program under the name that Allora's guide has for it; plain JavaScript, as inferbase.js is.
process.argv.splice(2, 0, 'allora-wkr');
import('./inferbase.js');
