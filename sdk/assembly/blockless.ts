// The Blockless imports the SDK uses (bls-runtime, witx/blockless_http.witx and blockless_memory.witx). All return an errno, 0 for
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
