const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/**
 * Variables that make loaders, shells and language runtimes run or reach something other than the operator's program
 * does. A guest is a stranger: it may not set them.
 */
const STEERING_NAMES: ReadonlySet<string> = new Set(
  (
    'PATH HOME PWD SHELL SHELLOPTS ENV IFS PS4 PROMPT_COMMAND CDPATH ZDOTDIR TMPDIR TMP TEMP EDITOR VISUAL PAGER BROWSER ' +
    'HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY REQUESTS_CA_BUNDLE LOCALDOMAIN RES_OPTIONS HOSTALIASES NLSPATH ' +
    'LOCPATH CLASSPATH GODEBUG GOPATH GOFLAGS R_HOME R_PROFILE R_ENVIRON R_LIBS TERMINFO TERMCAP'
  ).split(' '),
);
const STEERING_PREFIX =
  /^(?:LD_|DYLD_|BASH|PYTHON|PYENV|CONDA|VIRTUAL_ENV|NODE_|NPM_|DENO_|BUN_|PERL|RUBY|GEM_|BUNDLE_|PHP|LUA_|_?JAVA|JDK_|JULIA_|DOTNET_|CORECLR_|COR_|ERL_|GIT_|SSH_|SSL_|OPENSSL_|CURL_|LESS|MALLOC_|GLIBC_|GCONV_|CARGO_|RUST|XDG_)/;

function steersPrograms(name: string): boolean {
  const upper = name.toUpperCase();
  return STEERING_NAMES.has(upper) || STEERING_PREFIX.test(upper);
}

/** Characters of all names and values together. */
const MAX_CHARACTERS = 131_072;

/**
 * The environment of an extension: `PATH` and what the guest declared, nothing of this process.
 * @returns it, and the names that were left out
 */
export function extensionVariables(
  path: string,
  declared: readonly (readonly [name: string, value: string])[],
): { env: Record<string, string>; refused: string[] } {
  const env: Record<string, string> = Object.create(null);
  const refused: string[] = [];
  let characters = 0;
  for (const [name, value] of declared) {
    characters += name.length + value.length;
    if (characters > MAX_CHARACTERS || !NAME.test(name) || steersPrograms(name)) refused.push(name.slice(0, 64));
    else env[name] = value;
  }
  env.PATH = path;
  return { env, refused };
}
