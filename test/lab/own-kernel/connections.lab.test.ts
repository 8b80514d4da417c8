import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTools } from '../../../deploy/qemu/tools.ts'
import { labSkip } from '../requirements.ts'
import { boot, type Said } from './boot.ts'
import { FROM_HERE, makeMachine } from './image.ts'

const PROGRAM = 'test/lab/own-kernel/connections.ts'
const PATIENCE_MS = 1_800_000

const wanted = process.env['QEMU_TESTS'] === '1'
if (!wanted) process.stdout.write('skipped: connections of two VRFs need a machine of their own: QEMU_TESTS=1\n')

describe.skipIf(!wanted || labSkip(FROM_HERE))(
  'two tenants at one hub, whose connections have the same addresses and ports, in VRFs of a kernel',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-machine-'))
    let said: Said

    beforeAll(async () => {
      await makeMachine(dir, { program: PROGRAM, tools: findTools(process.env['PATH'] ?? '') })
      said = await boot(dir, AbortSignal.timeout(PATIENCE_MS))
    }, PATIENCE_MS)
    afterAll(() => rmSync(dir, { recursive: true, force: true }))

    const fact = (name: string): unknown => {
      if (!said.facts.has(name)) throw new Error(`the machine did not say ‘${name}’:\n${said.console.slice(-8_000)}`)
      return said.facts.get(name)
    }

    test('each is answered by its own hub, and the kernel follows two connections', () => {
      expect(said.facts.get('failed')).toBeUndefined()
      expect(fact('problems')).toEqual([])
      expect(fact('tenant 1 calls')).toBe('hub-1')
      expect(fact('tenant 2 calls from the same port')).toBe('hub-2')
      expect(fact('connections')).toEqual([65_533, 65_534])
    })

    test('what the rules of one let in is nothing to those of the other, as it was without zones', () => {
      expect(fact('tenant 1 asks for a sign of life')).toBe(true)
      expect(fact('tenant 2 asks in the same words')).toBe(false)
      expect(fact('dropped by its default')).toBe(true)
      expect(fact('without zones, tenant 1 asks')).toBe(true)
      expect(fact('without zones, tenant 2 asks in the same words')).toBe(true)
    })

    test('what the node itself says out of a table is answered, and a mapping leads in', () => {
      expect(fact('the node calls out of table 1')).toBe('inside-1')
      expect(fact('by the mapping')).toBe('inside-1')
    })

    test('what the node has besides is not reached, whatever a rule lets in', () => {
      expect(fact('tenant 1 asks the node itself')).toBe(false)
      expect(fact('dropped as elsewhere')).toBe(true)
      expect(fact('without guards, what asks the node itself is let in')).toBe(true)
    })
  },
)
