import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What services are made of: ours file by file, and what is not ours by the versions that are locked. */
const FILES = ['package-lock.json', '{libs,services}/*/package.json', '{libs,services}/*/src/**/*.{ts,json}']
const NOT_RUN = ['**/*.test.ts', '**/node_modules/**']

/** Paths below `root`, in an order that is always the same. */
export function inputsOf(root: string): readonly string[] {
  return globSync(FILES, { cwd: root, exclude: NOT_RUN }).sort()
}

/** Whatever the files hold has one name, and nothing else has it. `builder`: what makes bundles of them. */
export function contentOf(root: string, inputs: readonly string[], builder: string): string {
  const hash = createHash('sha256').update(readFileSync(builder))
  for (const path of inputs) {
    const content = readFileSync(join(root, path))
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 32)
}

/** When a file was last written or replaced, by a clock that no program sets back: 200 times quicker to see than its content. */
export function momentOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.ctimeMs}:${stat.size}` : 'gone'
}
