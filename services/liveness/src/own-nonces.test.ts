import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KEPT_NONCES, NONCE_BYTES, mintIncarnation, mintNonce, rememberNonce, sentAtOf } from './own-nonces.ts'

test('the last few nonces are recognised with the moment they were sent, older ones and foreign ones are not', () => {
  const sent = fc.array(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), {
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(sent, (moments) => {
      const beats = moments.map((at) => ({ nonce: mintNonce(), at }))
      const nothing: Buffer = Buffer.alloc(0)
      const kept = beats.reduce((all, { nonce, at }) => rememberNonce(all, nonce, at), nothing)
      expect(kept.length).toBeLessThanOrEqual(96)
      beats.forEach(({ nonce, at }, index) => {
        const recent = beats.length - index <= KEPT_NONCES
        expect(sentAtOf(kept, nonce)).toEqual(recent ? at : null)
      })
      expect(sentAtOf(kept, mintNonce())).toBeNull()
    }),
  )
})

test('an echo of nothing proves nothing', () => {
  const kept = rememberNonce(Buffer.alloc(0), mintNonce(), new Date(0))
  expect(sentAtOf(kept, Buffer.alloc(0))).toBeNull()
  expect(sentAtOf(kept, kept)).toBeNull()
  expect(sentAtOf(Buffer.alloc(0), Buffer.alloc(NONCE_BYTES))).toBeNull()
})

test('nonces and incarnations are 128 bits and never the same twice', () => {
  const minted = [...Array(1_000)].flatMap(() => [mintNonce().toString('hex'), mintIncarnation().toString('hex')])
  expect(new Set(minted).size).toBe(2_000)
  expect(mintNonce()).toHaveLength(16)
})
