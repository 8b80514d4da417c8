/** `npm run gen`: TypeScript from proto/ (buf.gen.yaml says how) into libs/proto/src/gen. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Generates below `base`, the project itself or a folder to compare with. */
export function generate(base: string): void {
  const args = ['generate', '--template', 'proto/buf.gen.yaml', '--output', base]
  execFileSync(join(ROOT, 'node_modules/.bin/buf'), args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generate(ROOT)
