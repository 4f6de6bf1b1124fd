/** TensorFlow.js on its plain JavaScript backend. */
import "@tensorflow/tfjs-backend-cpu";
import { tfjs } from "./tfjs.ts";

export const prepare = tfjs("cpu");
