import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../first-run/write-durably.ts'
import { INTERFACE, WIREGUARD_KEY } from './checked/patterns.ts'

/** A key of WireGuard (X25519), both halves in base64. The private one never leaves this node. */
export type KeyPair = { readonly privateKey: string; readonly publicKey: string }

/** The keys of this node's tunnels, one file each, 0600. */
export class Keys {
  readonly #dir: string
  readonly #held = new Map<string, KeyPair>()

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'keys')
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
  }

  /** The key of an interface: the one it has had, or a new one, which is on the disk before anybody hears of it. */
  async of(name: string): Promise<KeyPair> {
    const held = this.#held.get(name) ?? this.#read(name) ?? (await this.#make(name))
    this.#held.set(name, held)
    return held
  }

  /** Forgets the keys of tunnels that are no more. */
  keepOnly(names: readonly string[]): void {
    for (const file of readdirSync(this.#dir)) {
      const name = file.replace(/\.key$/, '')
      if (!INTERFACE.test(name) || names.includes(name)) continue
      rmSync(join(this.#dir, file), { force: true })
      this.#held.delete(name)
    }
  }

  #read(name: string): KeyPair | undefined {
    try {
      const privateKey = readFileSync(this.#path(name), 'utf8').trim()
      return WIREGUARD_KEY.test(privateKey) ? pairOf(privateKey) : undefined
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  async #make(name: string): Promise<KeyPair> {
    const { privateKey } = generateKeyPairSync('x25519')
    const { d = '' } = privateKey.export({ format: 'jwk' })
    const pair = pairOf(Buffer.from(d, 'base64url').toString('base64'))
    await writeDurably(this.#path(name), `${pair.privateKey}\n`, 0o600)
    return pair
  }

  #path(name: string): string {
    if (!INTERFACE.test(name)) throw new Error('no interface of ours')
    return join(this.#dir, `${name}.key`)
  }
}

/** PKCS #8 of an X25519 key up to the key itself (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')

function pairOf(privateKey: string): KeyPair {
  const der = Buffer.concat([PKCS8_HEAD, Buffer.from(privateKey, 'base64')])
  const { x = '' } = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  })
  return { privateKey, publicKey: Buffer.from(x, 'base64url').toString('base64') }
}
