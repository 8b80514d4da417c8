import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleWhole } from './bundle.ts'

/** What a program prints that is bundled as a machine's is: on its way, or the error that ends it. */
async function printed(program: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-late-'))
  try {
    writeFileSync(join(dir, 'program.ts'), `import { begin } from 'virtual:beginning'\n${program}`)
    await bundleWhole(dir, 'program.ts', join(dir, 'program.cjs'))
    const { stdout, stderr } = spawnSync(process.execPath, [join(dir, 'program.cjs')], { encoding: 'utf8' })
    return stdout + stderr
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('what would be the same for every child of an image cannot be drawn while its snapshot is made', async () => {
  expect(await printed(`import { randomUUID } from 'node:crypto'; const id = randomUUID(); begin(); console.log(id)`)).toContain('node:crypto was used while the snapshot was made') // prettier-ignore
  expect(await printed(`const { randomUUID } = require('crypto'); const id = randomUUID(); begin(); console.log(id)`)).toContain('node:crypto was used while the snapshot was made') // prettier-ignore
})

test('in the machine it can, also by who kept the function before', async () => {
  const [imported, required] = [`import { randomUUID } from 'node:crypto'`, `const { randomUUID } = require('crypto')`]
  for (const line of [imported, required])
    expect(await printed(`${line}; const draw = randomUUID; begin(); console.log(draw())`)).toMatch(/^[0-9a-f-]{36}\n$/)
})
