/** In the file for a script tag this stands for build/workerCode.ts: a worker loads that very file once more. */
import { ownScript } from "./ownScript.ts";

export const code = ownScript === "" ? "" : `importScripts(${JSON.stringify(ownScript)});convlet.serveModels(self);`;
