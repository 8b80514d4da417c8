import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Source = { readonly path: string; readonly text: string }

export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The files of a pattern, by their path from the top. */
export const sources = (pattern: string): Source[] =>
  globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**', 'libs/proto/src/gen/**'] })
    .toSorted()
    .map((path) => ({ path, text: read(path) }))

/** What runs in production: no tests, and nothing that only tests use. */
export const production = (pattern: string): Source[] =>
  sources(pattern).filter(({ path }) => !/\.test\.ts$|\/testing(\.ts$|\/)|\/test\//.test(path))

/** Every service that has a folder. */
export const SERVICES: readonly string[] = globSync('services/*/src/service.ts', { cwd: ROOT })
  .map((path) => path.split('/')[1] ?? '')
  .toSorted()

/** The rows of the first table of a Markdown page whose header begins with these words, cells without back quotes. */
export const tableOf = (markdown: string, ...header: readonly string[]): string[][] =>
  wholeTable(markdown, ...header).slice(2)

/** As tableOf, with the header and the line below it. */
export function wholeTable(markdown: string, ...header: readonly string[]): string[][] {
  const lines = markdown.split('\n')
  const at = lines.findIndex((line) => header.every((word, index) => cells(line)[index] === word))
  if (at < 0) throw new Error(`no table with the header ${header.join(', ')}`)
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'))
  return lines.slice(at, end < 0 ? undefined : end).map(cells)
}

const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''))
