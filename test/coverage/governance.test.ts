import { expect, test } from 'vitest'
import { CONTRACT_TEXT } from '../../services/peer-registry/src/contract-text.ts'
import { COMMITMENTS, RESULTS } from '../../services/liveness/src/findings/commitments.ts'
import { FINDING_KINDS, SEVERITIES } from '../../services/liveness/src/findings/finding.ts'
import { RULES } from '../../services/liveness/src/findings/rules.ts'
import { read, tableOf } from './sources.ts'

const DOCS = read('docs/governance.md')
const SQL = read('services/liveness/migrations/0004_governance.sql')
const valuesOf = (column: string): string[] | undefined =>
  new RegExp(`${column} text not null check \\(\\s*${column} in \\(([^)]*)\\)`)
    .exec(SQL)?.[1]
    ?.match(/\w+/g)
    ?.map(String)

test('the kinds of findings in code, in SQL and in docs/governance.md are the same, with their severities', () => {
  expect(tableOf(DOCS, 'Kind', 'Severity').map(([kind, severity]) => `${kind} ${severity}`)).toEqual(
    FINDING_KINDS.map((kind) => `${kind} ${RULES[kind].severity}`),
  )
  expect(valuesOf('kind')).toEqual([...FINDING_KINDS])
  expect(valuesOf('severity')).toEqual([...SEVERITIES])
  expect(valuesOf('result')).toEqual([...RESULTS])
})

test('the commitments in code are those of the contract, by number and name, and docs say what is checked of each', () => {
  const inContract = Array.from(CONTRACT_TEXT.matchAll(/^(\d+)\. ([^.]+)\./gm), ([, number, name = '']) => `${number} ${name.toLowerCase()}`) // prettier-ignore
  const inCode = COMMITMENTS.map(({ number, name }) => `${number} ${name}`)
  expect(inCode).toEqual(inContract.map((one) => (one === '1 identity' ? '1 identity disclosure' : one)))
  expect(tableOf(DOCS, '#', 'Commitment')).toEqual(COMMITMENTS.map(({ number, name, checked }) => [String(number), name, checked])) // prettier-ignore
})
