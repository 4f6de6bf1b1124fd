/** TensorFlow.js on its WASM backend. In Node it has one thread. */
import "@tensorflow/tfjs-backend-wasm";
import { tfjs } from "./tfjs.ts";

export const prepare = tfjs("wasm");
