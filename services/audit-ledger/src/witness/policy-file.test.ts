import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cosigner, logSigner } from '@powernode/tlog'
import { afterAll, expect, test } from 'vitest'
import { quorumWords } from '../quorum.ts'
import { readPolicy } from './policy-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'powernode-test-policy-'))
afterAll(() => rmSync(dir, { recursive: true }))

const key = () => generateKeyPairSync('ed25519').privateKey
const witness = (name: string) =>
  `witness ${name} ${cosigner(`${name}.example`, key(), 0).vkey} https://${name}.example/\n`
const WITNESSES = ['a', 'b', 'c', 'd'].map(witness).join('')

function policyOf(text: string) {
  const path = join(dir, 'policy')
  writeFileSync(path, text)
  return readPolicy(path)
}

test.each([
  ['quorum a\n', 'a.example'],
  ['quorum none\n', 'nobody'],
  ['group g all a b\nquorum g\n', 'a.example and b.example'],
  ['group g 2 a b c\nquorum g\n', '2 of a.example, b.example, c.example'],
  ['group g 2 a b c\ngroup h all g d\nquorum h\n', '(2 of a.example, b.example, c.example) and d.example'],
])('%j is said in words', (text, words) => {
  expect(quorumWords(policyOf(WITNESSES + text))).toBe(words)
})

test('no file is no policy, and a file that cannot be used stops the start and says why', () => {
  expect(readPolicy(undefined)).toBeUndefined()
  expect(() => readPolicy(join(dir, 'missing'))).toThrow(/missing cannot be used: ENOENT/)
  expect(() => policyOf('quorum x\n')).toThrow(/line 1 of the policy: x is not defined/)
})

test('a line that names a log stops the start: it would do nothing here', () => {
  expect(() => policyOf(`log ${logSigner('a.test/platform', key()).vkey}\nquorum none\n`)).toThrow(
    /log lines are not for/,
  )
})
