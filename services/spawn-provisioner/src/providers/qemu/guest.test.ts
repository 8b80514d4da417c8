import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { somePayload } from '@powernode/payload/testing'
import { expect, test } from 'vitest'
import { instanceDir, markInstance } from '../instance-dir.ts'
import { runDir } from './firmware.ts'
import { startGuest } from './guest.ts'

const NOW = new Date('2026-01-01T00:00:00Z')

test('a guest that cannot be started, because nobody knows its parent, leaves no payload on this host', async () => {
  const base = mkdtempSync(join(tmpdir(), 'powernode-guest-'))
  const instance = instanceDir(base, randomUUID())
  const size = { cpus: 1, memoryBytes: 0, diskBytes: 0 }
  const { instanceId } = instance
  markInstance(instance, { instanceId, hostname: 'child-1', region: 'here', template: {}, ...size }, NOW)
  const payload = somePayload({ parent_url: 'https://nobody.invalid:8443' })
  const start = { instance, image: base, cpus: 1, memoryMib: 64, door: { host: '127.0.0.1', port: 1 }, payload }
  try {
    await expect(startGuest(start, { environment: {}, accel: 'tcg' })).rejects.toThrow(/is not known here/)
    expect(existsSync(join(runDir(instanceId), 'payload'))).toBe(false)
  } finally {
    rmSync(base, { recursive: true })
    rmSync(runDir(instanceId), { recursive: true, force: true })
  }
})
