import type { PolicyGrant } from './policy.ts'
import { Pool } from './pool.ts'

const DIGEST = 32
const NUMBERS = 4
const LISTS = 4

/**
 * A million grants by id, in columns rather than a million objects: what many grants share is held once, numbers and
 * digests lie in buffers that the garbage collector does not walk. A grant is put together when it is asked for.
 */
export class GrantColumns {
  readonly #slots = new Map<string, number>()
  readonly #free: number[] = []
  readonly #pool = new Pool()
  readonly #peers: string[] = []
  readonly #kinds: string[] = []
  readonly #resources: string[] = []
  /** Of each grant: instances, networks, source blocks, identities. */
  readonly #lists: (readonly string[])[] = []
  /** Of each grant: scopes, not before, expires, revoked. */
  #numbers = new Float64Array(1024 * NUMBERS)
  #digests = new Uint8Array(1024 * DIGEST)

  get size(): number {
    return this.#slots.size
  }

  /** How many different texts and lists are held. */
  get shared(): number {
    return this.#pool.size
  }

  /** How many there is room for without growing. */
  get capacity(): number {
    return this.#digests.length / DIGEST
  }

  get(id: string): PolicyGrant | undefined {
    const slot = this.#slots.get(id)
    if (slot === undefined) return undefined
    const [number, list] = [slot * NUMBERS, slot * LISTS]
    return {
      id,
      peerId: this.#peers[slot] ?? '',
      // A copy: the place may be another grant's by the time somebody looks again.
      secretSha256: this.#digests.slice(slot * DIGEST, (slot + 1) * DIGEST),
      resourceKind: this.#kinds[slot] ?? '',
      resourceId: this.#resources[slot] ?? '',
      scopes: this.#numbers[number] ?? 0,
      nodeInstanceIds: this.#lists[list] ?? [],
      sdwanNetworkIds: this.#lists[list + 1] ?? [],
      sourceCidrs: this.#lists[list + 2] ?? [],
      boundIdentities: this.#lists[list + 3] ?? [],
      notBeforeMs: this.#numbers[number + 1] ?? 0,
      expiresAtMs: this.#numbers[number + 2] ?? 0,
      revokedAtMs: this.#numbers[number + 3] ?? 0,
    }
  }

  /** Replaces the grant of the same id. A digest that is none is held as zeros, which no secret has. */
  set(grant: PolicyGrant): void {
    this.delete(grant.id)
    const slot = this.#free.pop() ?? this.#slots.size // without gaps every slot is taken
    this.#makeRoom(slot)
    this.#slots.set(grant.id, slot)
    this.#peers[slot] = this.#pool.text(grant.peerId)
    this.#kinds[slot] = this.#pool.text(grant.resourceKind)
    this.#resources[slot] = grant.resourceId
    const lists = [grant.nodeInstanceIds, grant.sdwanNetworkIds, grant.sourceCidrs, grant.boundIdentities]
    for (const [index, list] of lists.entries()) this.#lists[slot * LISTS + index] = this.#pool.list(list)
    this.#numbers.set([grant.scopes, grant.notBeforeMs, grant.expiresAtMs, grant.revokedAtMs], slot * NUMBERS)
    if (grant.secretSha256.length === DIGEST) this.#digests.set(grant.secretSha256, slot * DIGEST)
  }

  delete(id: string): void {
    const slot = this.#slots.get(id)
    if (slot === undefined) return
    this.#slots.delete(id)
    this.#free.push(slot)
    this.#pool.releaseText(this.#peers[slot] ?? '')
    this.#pool.releaseText(this.#kinds[slot] ?? '')
    for (let list = slot * LISTS; list < (slot + 1) * LISTS; list++) {
      this.#pool.releaseList(this.#lists[list] ?? [])
      this.#lists[list] = []
    }
    this.#resources[slot] = ''
    this.#digests.fill(0, slot * DIGEST, (slot + 1) * DIGEST)
  }

  #makeRoom(slot: number): void {
    if (slot * NUMBERS < this.#numbers.length) return
    const [numbers, digests] = [this.#numbers, this.#digests]
    this.#numbers = new Float64Array(numbers.length * 2)
    this.#numbers.set(numbers)
    this.#digests = new Uint8Array(digests.length * 2)
    this.#digests.set(digests)
  }
}
