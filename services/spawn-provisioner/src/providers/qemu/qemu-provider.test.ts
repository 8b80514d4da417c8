import { describe, expect, test } from 'vitest'
import { localSubject } from '../../testing/local-subject.ts'
import { providerSuite } from '../../testing/provider-suite.ts'
import { qemuProvider } from './qemu-provider.ts'

const subject = () => localSubject(qemuProvider, 540_000)
const { open, close } = subject()
const provider = open()
const why = await provider.ready(new AbortController().signal)
close?.()

test('a guest, which can reach nothing but our gateway, is no place for a replica of our database, and for others it is', () => {
  expect(provider.unfit?.('cluster_member')).toMatch(/our Postgres/)
  expect(['managed_child', 'autonomous_peer'].map((mode) => provider.unfit?.(mode as 'managed_child'))).toEqual([undefined, undefined]) // prettier-ignore
})

/** An emulated machine takes a minute to boot, so the suite runs where it is asked for: QEMU_TESTS=1, as .ci/run does. */
const wanted = process.env['QEMU_TESTS'] === '1'

describe.runIf(wanted)('virtual machines', () => {
  test('QEMU is installed here, and there is an image of this checkout', () => expect(why).toBeUndefined())
})

describe.runIf(wanted && why === undefined)('with an image', () => {
  providerSuite('qemu', subject)
})
