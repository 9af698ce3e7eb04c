// The Blockless imports the SDK uses (bls-runtime, witx/blockless_{http,memory,cgi}.witx). All return an errno, 0 for
// success; out-pointers are written only then.

// @ts-ignore: decorator
@external("blockless_http", "http_req")
export declare function http_req(
  url: usize, urlLength: usize, options: usize, optionsLength: usize, handle: usize, status: usize
): i32;

// @ts-ignore: decorator
@external("blockless_http", "http_read_header")
export declare function http_read_header(
  handle: i32, name: usize, nameLength: usize, buffer: usize, capacity: usize, read: usize
): i32;

// @ts-ignore: decorator
@external("blockless_http", "http_read_body")
export declare function http_read_body(handle: i32, buffer: usize, capacity: usize, read: usize): i32;

// @ts-ignore: decorator
@external("blockless_http", "http_close")
export declare function http_close(handle: i32): i32;

// @ts-ignore: decorator
@external("blockless_memory", "memory_read")
export declare function memory_read(buffer: usize, capacity: usize, read: usize): i32;

// @ts-ignore: decorator
@external("blockless_memory", "env_var_read")
export declare function env_var_read(buffer: usize, capacity: usize, read: usize): i32;

// bls-runtime, witx/blockless_cgi.witx.

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_list_exec")
export declare function cgi_list_exec(handle: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_list_read")
export declare function cgi_list_read(handle: i32, buffer: usize, capacity: usize, read: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_open")
export declare function cgi_open(command: usize, commandLength: usize, handle: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_stdout_read")
export declare function cgi_stdout_read(handle: i32, buffer: usize, capacity: usize, read: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_stderr_read")
export declare function cgi_stderr_read(handle: i32, buffer: usize, capacity: usize, read: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_stdin_write")
export declare function cgi_stdin_write(handle: i32, buffer: usize, length: usize, written: usize): i32;

// @ts-ignore: decorator
@external("blockless_cgi", "cgi_close")
export declare function cgi_close(handle: i32): i32;
