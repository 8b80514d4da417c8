import { expect, test } from 'vitest'
import { readMigrations } from './migrations.ts'
import { migrationsIn } from './testing/fixtures.ts'

const STEP = '-- breaking: no\nselect 1;\n'

test('steps are read in order, each with what it breaks', async () => {
  const dir = migrationsIn({
    '0002_b.sql': '-- breaking: yes, because a is gone\n',
    '0001_a.sql': STEP,
    'README.md': '',
  })
  const steps = await readMigrations(dir)
  expect(steps.map(({ name, breaking }) => [name, breaking])).toEqual([
    ['0001_a.sql', false],
    ['0002_b.sql', true],
  ])
  expect(await readMigrations(new URL(`file://${dir}/`))).toEqual(steps)
})

test.each([
  ['a gap', { '0001_a.sql': STEP, '0003_c.sql': STEP }, '0003_c.sql'],
  ['two of one number', { '0001_a.sql': STEP, '0001_b.sql': STEP }, '0001_b.sql'],
  ['a name without a number', { 'peer.sql': STEP }, 'peer.sql'],
  ['a step that does not say what it breaks', { '0001_a.sql': 'select 1;\n' }, 'breaking: no'],
  ['a step that breaks without a reason', { '0001_a.sql': '-- breaking: yes\nselect 1;\n' }, 'breaking: no'],
  ['an empty directory', {}, 'no migrations'],
])('%s is refused', async (_, files, why) => {
  await expect(readMigrations(migrationsIn(files))).rejects.toThrow(why)
})
