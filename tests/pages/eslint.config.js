import js from "@eslint/js";
import globals from "globals";

const SERVED = ["api/web/static/**/*.js", "api/kinds/*/web/**/*.js"];

/** Nothing that changes stands beside the functions of a module: it is a property of what it belongs to. */
const NO_TOP_LEVEL_LET = {
  selector: ":matches(Program, Program > ExportNamedDeclaration) > VariableDeclaration[kind!='const']",
  message: "A module has no variables of its own: give the state an owner.",
};

export default [
  { ignores: ["**/vendor/**", "**/vendored/**", "**/node_modules/**"] },
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module" },
    rules: {
      // Each `&&`, `??` and `?.` counts: they are how our elements are put together.
      complexity: ["error", 12],
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-len": ["error", { code: 120 }],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 60, IIFEs: true }],
      "no-implicit-globals": "error",
      "no-restricted-syntax": ["error", NO_TOP_LEVEL_LET],
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  { files: SERVED, languageOptions: { globals: globals.browser } },
  { files: ["tests/pages/**/*.js"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];
