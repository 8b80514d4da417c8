import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Refusal } from '@powernode/rpc'
import { carriedOut, checked } from './answers.ts'
import { checkHistory } from './check-history.ts'
import { History, readHistory, type Answer } from './history.ts'

test('what is recorded is what happened, in the order it happened, and can be read back from its file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'history-'))
  try {
    const file = join(directory, 'history.jsonl')
    const history = new History(file)
    const late = Promise.withResolvers<Answer>()
    const grant = 'g-1'
    await history.record({ grant, does: 'issue' }, () => Promise.resolve('done'))
    const revoked = history.record({ grant, does: 'revoke', by: 'grant-authz' }, () => late.promise)
    expect(await history.record({ grant, does: 'check' }, () => Promise.resolve('allowed'))).toBe('allowed')
    late.resolve('done')
    await revoked
    expect(history.lines).toEqual([
      { invoke: 1, grant, does: 'issue' },
      { return: 1, answer: 'done' },
      { invoke: 2, grant, does: 'revoke', by: 'grant-authz' },
      { invoke: 3, grant, does: 'check' },
      { return: 3, answer: 'allowed' },
      { return: 2, answer: 'done' },
    ])
    expect(readHistory(file)).toEqual(history.lines)
    expect(checkHistory(history.lines)).toEqual({ ok: true, grants: 1, checks: 1 })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('what throws has an outcome that nobody knows: it stands there without an answer', async () => {
  const history = new History()
  const failing = history.record({ grant: 'g-1', does: 'revoke' }, () => Promise.reject(new Error('connection lost')))
  await expect(failing).rejects.toThrow('connection lost')
  expect(history.lines).toEqual([{ invoke: 1, grant: 'g-1', does: 'revoke' }])
})

const refusing = (reason: ConstructorParameters<typeof Refusal>[0]) => () => Promise.reject(new Refusal(reason, 'no'))
const failing = () => Promise.reject(new Error('connection lost'))

test('a call says of its grant that it is good, or no good, or nothing', async () => {
  expect(await checked(() => Promise.resolve({}))).toBe('allowed')
  expect(await checked(refusing('RESOURCE_NOT_FOUND'))).toBe('allowed')
  expect(await checked(refusing('GRANT_INVALID'))).toBe('denied')
  for (const call of [refusing('POLICY_STALE'), refusing('RECORD_UNAVAILABLE'), refusing('SCOPE_MISMATCH'), failing])
    expect(await checked(call)).toBe('undecided')
})

test('a revocation took effect, or certainly did not, or nobody knows', async () => {
  expect(await carriedOut(() => Promise.resolve({}))).toBe('done')
  expect(await carriedOut(refusing('GRANT_OVER'))).toBe('refused')
  for (const call of [refusing('DEADLINE_EXCEEDED'), refusing('SERVICE_UNAVAILABLE'), failing])
    await expect(carriedOut(call)).rejects.toThrow('nobody knows')
})
