import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { bundleWhole } from './bundle.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

test('a machine knows every service that a contract states, and can compile what each of them is asked', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-contract-'))
  try {
    const program = `import { services } from 'virtual:contract'
      for (const { typeName, methods } of services) console.log(typeName, methods.every(({ input }) => input.typeName))`
    writeFileSync(join(dir, 'program.ts'), program)
    await bundleWhole(ROOT, relative(ROOT, join(dir, 'program.ts')), join(dir, 'program.cjs'))
    const { stdout } = spawnSync(process.execPath, [join(dir, 'program.cjs')], { encoding: 'utf8' })
    expect(stdout.trim().split('\n').toSorted()).toEqual(stated().map((name) => `${name} true`))
  } finally {
    rmSync(dir, { recursive: true })
  }
})

/** By what people wrote, and not by what was generated for it. */
function stated(): string[] {
  const names = globSync('proto/**/*.proto', { cwd: ROOT }).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const [, of = ''] = /^package ([\w.]+);/m.exec(text) ?? []
    return [...text.matchAll(/^service (\w+)/gm)].map(([, name]) => `${of}.${name}`)
  })
  return names.toSorted()
}
