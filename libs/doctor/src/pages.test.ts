import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SYMPTOMS } from './index.ts'

const PAGE = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8')

test('every symptom has its row in docs/doctor.md, in the order of causes, and every row a symptom', () => {
  expect(Array.from(PAGE.matchAll(/^### (\w+)$/gm), ([, name]) => name)).toEqual([...SYMPTOMS])
})

test('every row says who has to act and what to do, and every link leads to a row', () => {
  const rows = PAGE.split(/^### /m).slice(1)
  for (const row of rows) expect(row).toMatch(/\*\*Who:\*\* \S.*\*\*Do:\*\* \S/)
  const links = Array.from(PAGE.matchAll(/\]\(#(\w+)\)/g), ([, name]) => name)
  expect(links.filter((name) => !SYMPTOMS.some((symptom) => symptom === name))).toEqual([])
})

test('what operators see is brought about by a flow, and what is not has its mark', () => {
  const flows = globSync(new URL('../../../test/flows/*.test.ts', import.meta.url).pathname)
  const stories = flows.map((file) => readFileSync(file, 'utf8')).join('\n')
  const [, table = ''] = /## From what you see([\s\S]*?)## Every symptom/.exec(PAGE) ?? []
  const named = Array.from(table.matchAll(/\]\(#(\w+)\)( †)?/g), ([, name = '', mark]) => ({ name, mark }))
  expect(named.length).toBeGreaterThan(40)
  const wrong = named.filter(({ name, mark }) => stories.includes(`'${name}'`) === (mark !== undefined))
  expect(wrong).toEqual([])
})
