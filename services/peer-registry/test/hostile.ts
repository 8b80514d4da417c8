import { sign } from 'node:crypto'
import type { PlatformKey } from '@powernode/identity'
import { create } from '@bufbuild/protobuf'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import fc from 'fast-check'

/** Signs bytes that no honest platform would: nothing is checked, the signature is good (DSSE v1 PAE). */
export function signAnything(payloadType: string, payload: Uint8Array, key: PlatformKey): Envelope {
  const bytes = Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]) // prettier-ignore
  return create(EnvelopeSchema, {
    payloadType,
    payload: Uint8Array.from(payload),
    signature: sign(null, bytes, key.privateKey),
  })
}

/** Ways to spoil a statement: some of its bytes are others, or a piece of it is gone or doubled. */
export const spoiling = fc.record({
  flips: fc.array(fc.record({ at: fc.nat(1_000_000), to: fc.nat(255) }), { maxLength: 4 }),
  cut: fc.option(fc.record({ from: fc.nat(1_000_000), length: fc.nat(40), twice: fc.boolean() }), { nil: undefined }),
})

export function spoilt(payload: Uint8Array, { flips, cut }: ReturnType<typeof spoiling.generate>['value']): Uint8Array {
  const bytes = Buffer.from(payload)
  for (const { at, to } of flips) bytes[at % bytes.length] = to
  if (!cut) return Uint8Array.from(bytes)
  const from = cut.from % bytes.length
  const piece = bytes.subarray(from, from + cut.length)
  const rest = bytes.subarray(from + cut.length)
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, from), ...(cut.twice ? [piece, piece] : []), rest]))
}

/** Whatever happens is an answer or a refusal: anything else thrown is a fault of ours, and fails the test. */
export async function answeredOrRefused(promise: Promise<unknown>): Promise<'answered' | Refusal['reason']> {
  try {
    await promise
    return 'answered'
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}
