/** In CommonJS, which is Node's, this stands for build/workerCode.ts. */
export const code = "";
