import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Counters } from './counters.ts'

const counted = (ruleId: string, packets: bigint) => ({ ruleId, chain: 'c', packets, bytes: packets * 10n })

test('what a rule has seen is kept when its table is replaced, and when the agent is started again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'counters-'))
  try {
    const counters = new Counters(dir)
    await counters.retire([counted('web', 5n), counted('web', 1n), counted('ssh', 2n)])
    expect(counters.total([counted('web', 3n)])).toEqual([counted('web', 9n)])
    // One that is away for a version goes on where it was.
    await counters.retire([counted('web', 3n)])
    const again = new Counters(dir)
    expect(again.total([counted('web', 1n), counted('ssh', 1n), counted('new', 1n)])).toEqual([
      counted('web', 10n),
      counted('ssh', 3n),
      counted('new', 1n),
    ])
  } finally {
    rmSync(dir, { recursive: true })
  }
})
