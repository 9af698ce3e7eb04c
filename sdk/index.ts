// `import { … } from "inferbase/sdk"`: the compiler reads `node_modules/inferbase/sdk/index.ts`.
export * from "./assembly";
