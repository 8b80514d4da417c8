import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import type { Payload } from '@powernode/payload'
import { somePayload } from '@powernode/payload/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Look, Provider, Wanted } from '../providers/provider.ts'

/** A kind of provider, as the suite is shown it. */
export type Subject = {
  /** Opens it on what there is: once more is what a new process of spawn-provisioner would do. */
  readonly open: () => Provider
  /** Whatever a test must do for a machine to come up; a real one needs nothing. */
  readonly boot?: (ref: string) => void
  /** What is left of instances on this host: processes and files. */
  readonly leftovers: (instanceId: string) => readonly string[]
  readonly close?: () => void
  /** How long a boot may take on a busy machine. */
  readonly bootMs: number
}

/**
 * What every provider promises (providers/provider.ts). One machine goes through its whole life here, in the order of the
 * tests, because a real one takes its time; the promises about none at all come first.
 */
export function providerSuite(kind: string, subjectOf: () => Subject): void {
  describe(`a provider of kind ${kind}`, () => {
    let subject: Subject
    let provider: Provider
    let ref = ''
    const wanted = someWanted()
    const tokens = [1, 2, 3].map(() => randomBytes(32).toString('base64url')) as [string, string, string]
    const payload = payloadFor(wanted, tokens[0])
    beforeAll(() => {
      subject = subjectOf()
      provider = subject.open()
    })
    afterAll(async () => {
      if (ref !== '') await provider.terminate(ref, NEVER)
      subject.close?.()
    })
    /** It runs, or it has ended by itself: what it said last tells why. */
    const running = async (): Promise<Look> => {
      const giveUp = AbortSignal.timeout(subject.bootMs)
      let look = await provider.look(ref, NEVER)
      while (look.state === 'booting' && !giveUp.aborted) {
        await systemClock.sleep(LOOK_MS, giveUp)
        look = await provider.look(ref, NEVER)
      }
      expect(look).toMatchObject({ state: 'running' })
      return look
    }

    test('can make instances here, and has made none', async () => {
      expect(await provider.ready(NEVER)).toBeUndefined()
      expect(await provider.list(NEVER)).toEqual([])
    })

    test('an instance that never was is gone, and to end it is no error', async () => {
      const never = subject.open()
      const nobody = randomUUID()
      expect(await never.look(nobody, NEVER)).toMatchObject({ state: 'gone' })
      await never.terminate(nobody, NEVER)
      await expect(never.stamp(nobody, payload, NEVER)).rejects.toThrow('gone')
      await expect(never.restart(nobody, NEVER)).rejects.toThrow('gone')
    })

    test('an instance is made once, however often it is asked for, and by several at a time', async () => {
      const first = await provider.create(wanted, payload, NEVER)
      ref = first.ref
      expect(await provider.create(wanted, payload, NEVER)).toEqual(first)
      expect(await subject.open().create(wanted, payload, NEVER)).toEqual(first)
      expect(await provider.list(NEVER)).toMatchObject([{ ref, instanceId: wanted.instanceId }])
      expect(await provider.look(ref, NEVER)).toMatchObject({ state: 'booting' })
    })

    test('it boots, says what it is doing, and runs', { timeout: LONG }, async () => {
      subject.boot?.(ref)
      const { progress, console } = await running()
      expect(progress).not.toBe('')
      expect(console.length).toBeGreaterThan(0)
    })

    test('another payload can be handed to one that has not spoken', { timeout: LONG }, async () => {
      await provider.stamp(ref, payloadFor(wanted, tokens[1]), NEVER)
      subject.boot?.(ref)
      await running()
    })

    test('whoever opens the provider anew finds it as it is', async () => {
      const anew = subject.open()
      expect(await anew.list(NEVER)).toMatchObject([{ ref, instanceId: wanted.instanceId }])
      expect(await anew.look(ref, NEVER)).toMatchObject({ state: 'running' })
    })

    test('it comes up again when it is started anew', { timeout: LONG }, async () => {
      const [{ startedAt } = { startedAt: undefined }] = await provider.list(NEVER)
      await provider.restart(ref, NEVER)
      subject.boot?.(ref)
      await running()
      expect(await provider.list(NEVER)).toMatchObject([{ ref, startedAt }])
    })

    test('no token stands in what it shows', async () => {
      const shown = JSON.stringify([await provider.look(ref, NEVER), await provider.list(NEVER)])
      for (const token of tokens) expect(shown).not.toContain(token)
    })

    test('nothing is left of one that is ended, and it may be ended again', { timeout: LONG }, async () => {
      await provider.terminate(ref, NEVER)
      expect(subject.leftovers(wanted.instanceId)).toEqual([])
      expect(await provider.look(ref, NEVER)).toMatchObject({ state: 'gone', console: [] })
      expect(await provider.list(NEVER)).toEqual([])
      await provider.terminate(ref, NEVER)
    })

    test('one that is ended before it came up leaves nothing either', { timeout: LONG }, async () => {
      const other = someWanted()
      const made = await provider.create(other, payloadFor(other, tokens[2]), NEVER)
      await provider.terminate(made.ref, NEVER)
      expect(subject.leftovers(other.instanceId)).toEqual([])
      expect(await provider.list(NEVER)).toEqual([])
    })
  })
}

const NEVER = new AbortController().signal
const LONG = 600_000
const LOOK_MS = 50

function someWanted(): Wanted {
  return {
    instanceId: randomUUID(),
    hostname: 'child-1',
    region: 'here',
    cpus: 2,
    memoryBytes: 1_073_741_824,
    diskBytes: 0,
    template: {},
  }
}

/** Of a parent that nobody can reach: the child comes up and waits for it. */
const payloadFor = ({ instanceId }: Wanted, token: string): Payload =>
  somePayload({ instance_id: instanceId, acceptance_token: token, parent_url: 'https://127.0.0.1:1' })
