/**
 * Reads assembly/records.ts and writes the host's view of it: enums, constants, and the field order of every record.
 * The language is the subset that file uses: `export const NAME: usize = N`, `export enum`, `export class X [extends Y]` with
 * one `name: Type;` per line.
 */
const FIELD_KINDS = { i32: "i32", f32: "f32", Tensor: "tensor", Floats: "floats", Bytes: "bytes" };

/** `execute`: a source in AssemblyScript; only kernels that it has a `case Kernel.…:` of are told of. Default: all. */
export function generateRecords(source, execute) {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  const constants = [...code.matchAll(/export const (\w+): usize = (\d+);/g)].map(([, name, value]) => ({ name, value }));
  const enums = [...code.matchAll(/export enum (\w+) \{([^}]*)\}/g)].map(([, name, body]) => ({ name, members: enumMembers(body) }));
  const kernelEnum = enums.find(({ name }) => name === "Kernel");
  if (execute !== undefined) kernelEnum.members = kernelEnum.members.filter(([kernel]) => execute.includes(`case Kernel.${kernel}:`));
  const classes = new Map();
  for (const [, name, parent, body] of code.matchAll(/export class (\w+)(?: extends (\w+))? \{([^}]*)\}/g)) {
    const own = [...body.matchAll(/(\w+): (\w+);/g)].map(([, field, type]) => {
      if (!(type in FIELD_KINDS)) throw new Error(`records.ts: ${name}.${field} has type ${type}; known: ${Object.keys(FIELD_KINDS).join(", ")}`);
      return [field, FIELD_KINDS[type]];
    });
    classes.set(name, [...(parent ? classes.get(parent) : []), ...own]);
  }
  const header = classes.get("Record");
  const kernels = kernelEnum.members.map(([kernel]) => {
    const fields = classes.get(kernel[0].toUpperCase() + kernel.slice(1));
    if (!fields) throw new Error(`records.ts: kernel ${kernel} has no record class`);
    return { kernel, fields: fields.slice(header.length) };
  });
  return render(constants, enums, classes, header, kernels);
}

function enumMembers(body) {
  let next = 0;
  return body
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      const [name, value] = part.split("=").map((word) => word.trim());
      const number = value === undefined ? next : Number(value);
      next = number + 1;
      return [name, number];
    });
}

function render(constants, enums, classes, header, kernels) {
  const pairs = (fields) => fields.map(([name, kind]) => `["${name}", "${kind}"]`).join(", ");
  const lines = ["// Made by scripts/build.mjs from assembly/records.ts. Do not edit.", ""];
  for (const { name, value } of constants) lines.push(`export const ${name} = ${value};`);
  for (const { name, members } of enums) {
    lines.push(`export const ${name} = { ${members.map(([member, value]) => `${member}: ${value}`).join(", ")} } as const;`);
  }
  lines.push("", 'export type FieldKind = "i32" | "f32" | "tensor" | "floats" | "bytes";');
  lines.push("/** Field order of the records of every kernel, behind the words of RECORD_FIELDS. */", "export interface Records {");
  for (const { kernel, fields } of kernels) lines.push(`  ${kernel}: { ${fields.map(([name, kind]) => `${name}: "${kind}"`).join("; ")} };`);
  lines.push("}", "export type KernelName = keyof Records;");
  for (const [constant, name] of [
    ["TENSOR_FIELDS", "Tensor"],
    ["RUN_HEADER_FIELDS", "RunHeader"],
  ]) {
    lines.push(`export const ${constant} = [${pairs(classes.get(name))}] as const;`);
    lines.push(
      `export interface ${name} { ${classes
        .get(name)
        .map(([field]) => `${field}: number`)
        .join("; ")} }`,
    );
  }
  lines.push(`export const RECORD_FIELDS = [${pairs(header)}] as const;`);
  lines.push("export const RECORDS: { readonly [K in KernelName]: readonly (readonly [string, FieldKind])[] } = {");
  for (const { kernel, fields } of kernels) lines.push(`  ${kernel}: [${pairs(fields)}],`);
  lines.push("};", "");
  return lines.join("\n");
}
