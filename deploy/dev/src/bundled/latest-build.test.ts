import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { latestBuild, type Workshop } from './latest-build.ts'

let root: string
let workshop: Workshop
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'powernode-bundled-'))
  const dir = join(root, '.cache')
  workshop = { root, dir, services: ['one', 'two'], builder: join(import.meta.dirname, 'bundle.ts') }
  write('package-lock.json', '{}')
  write('libs/word/src/word.ts', "export const word: string = 'first'\n")
  write('libs/word/src/testing.ts', "export const unused = 'by services'\n")
  for (const name of workshop.services) {
    write(`services/${name}/beside.txt`, `beside ${name}`)
    write(`services/${name}/src/main.ts`, MAIN)
  }
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const MAIN = `import { readFileSync } from 'node:fs'
import { word } from '../../../libs/word/src/word.ts'

type Unused = { readonly types: 'are stripped' }
class Refused extends Error {}
console.log(word, readFileSync(new URL('../beside.txt', import.meta.url), 'utf8'))
console.log(new Refused().constructor.name, new Refused('why').stack)
`

function write(path: string, content: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), content)
}

const said = (build: string, name: string) =>
  execFileSync(process.execPath, ['--enable-source-maps', join(build, `${name}.mjs`)], { encoding: 'utf8' })
const builds = () =>
  readdirSync(workshop.dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

test('a bundle says what the source says: files beside it, names of classes, and lines of the .ts in a stack', async () => {
  const build = await latestBuild(workshop)
  for (const name of workshop.services) {
    const lines = said(build, name)
    expect(lines).toContain(`first beside ${name}`)
    expect(lines).toContain('Refused Error: why')
    expect(lines).toContain(join(root, `services/${name}/src/main.ts:7:`))
  }
})

test('what is edited is bundled anew, what is put back is found again, and what no service holds changes nothing', async () => {
  const first = await latestBuild(workshop)
  write('libs/word/src/testing.ts', "export const unused = 'still'\n")
  expect(await latestBuild(workshop)).toBe(first)
  write('libs/word/src/testing.ts', "export const unused = 'by services'\n")
  write('libs/word/src/word.ts', "export const word: string = 'other'\n")
  const second = await latestBuild(workshop)
  expect(said(second, 'one')).toContain('other beside one')
  write('libs/word/src/word.ts', "export const word: string = 'first'\n")
  expect(await latestBuild(workshop)).toBe(first)
  write('package-lock.json', '{"packages":{}}')
  expect([first, second]).not.toContain(await latestBuild(workshop))
  expect(builds()).toHaveLength(3)
})

test('two processes that bundle at one time both get a whole one, and nothing is left of the making', async () => {
  const program = `
    import { latestBuild } from ${JSON.stringify(join(import.meta.dirname, 'latest-build.ts'))}
    console.log(await latestBuild(${JSON.stringify(workshop)}))`
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  const [one, two] = await Promise.all([run(), run()])
  expect(one.stdout).toBe(two.stdout)
  expect(said(one.stdout.trim(), 'two')).toContain('first beside two')
  expect(builds()).toHaveLength(1)
})

test('a source that cannot be bundled is a failure, of which nothing stays', async () => {
  write('services/two/src/main.ts', 'export const = 1')
  await expect(latestBuild(workshop)).rejects.toThrow('main.ts')
  expect(builds()).toEqual([])
  write('services/two/src/main.ts', MAIN)
  expect(said(await latestBuild(workshop), 'two')).toContain('first')
})

test('a change that could not be seen is refused: services import from libs and services only', async () => {
  write('elsewhere/hidden.ts', 'export const hidden: string = "hidden"')
  write('services/one/src/main.ts', "import { hidden } from '../../../elsewhere/hidden.ts'\nconsole.log(hidden)")
  await expect(latestBuild(workshop)).rejects.toThrow('elsewhere/hidden.ts')
})
