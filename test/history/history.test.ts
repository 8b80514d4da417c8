import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
