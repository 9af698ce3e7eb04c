// A transform of the AssemblyScript compiler, used by `inferbase build` for functions that export `handle`: keeps the
// types of the exported functions in the custom section `inferbase.types`, as JSON {"handle": ["string", "string"]},
// parameters first. WebAssembly itself knows an i32 only, whether it is a string, a number or a bool.

/** The compiler's number for a function before its type parameters are known (ElementKind.FunctionPrototype). */
const FUNCTION_PROTOTYPE = 4;
/** Of a file that was named on the command line (SourceKind.UserEntry). */
const USER_ENTRY = 1;

const nameOf = (type) => {
  const name = type.toString();
  return name.startsWith('~lib/string/String') ? 'string' : name;
};

// biome-ignore lint/style/noDefaultExport: what the compiler looks for in a transform.
export default class RecordTypes {
  /** Called by the compiler; it has set `this.program`. */
  afterCompile(module) {
    const types = {};
    for (const { sourceKind, internalPath } of this.program.sources) {
      const file = sourceKind === USER_ENTRY ? this.program.filesByName.get(internalPath) : undefined;
      for (const [name, element] of file?.exports ?? []) {
        const found = element.kind === FUNCTION_PROTOTYPE ? element.getResolvedInstance?.('') : null;
        if (!found) continue;
        const { parameterTypes, returnType } = found.signature;
        types[name] = [...parameterTypes, returnType].map(nameOf);
      }
    }
    module.addCustomSection('inferbase.types', new TextEncoder().encode(JSON.stringify(types)));
  }
}
