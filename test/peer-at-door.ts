import { refusalOf, type Reason } from '@powernode/rpc'
import { readTlsFiles } from '@powernode/identity'
import { identityDir } from '@powernode/dev/layout'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Caller } from '../services/federation-gateway/test/caller.ts'
import type { TestPlatform } from './mesh.ts'

const NOT_DECIDED: ReadonlySet<Reason> = new Set(['POLICY_STALE', 'SERVICE_UNAVAILABLE', 'RECORD_UNAVAILABLE'])

/** One platform at the door of another, with the certificate of its own gateway: what it asks there, and is told. */
export class PeerAtDoor {
  readonly #caller: Caller

  constructor(peer: TestPlatform, doorPort: number) {
    const { cert, key } = readTlsFiles(identityDir(peer.platform, 'federation-gateway'))
    this.#caller = new Caller(doorPort, { cert, key }, peer.platform.trustDomain)
  }

  /** Whether a bearer is let in at this moment. `undecided`: nobody could say, because the door was away or knew too little. */
  async check(bearer: string, kind: string): Promise<'allowed' | 'denied' | 'undecided'> {
    const headers = { authorization: `Bearer ${bearer}` }
    const { answer, error } = await this.#caller.outcome(
      FederationService.method.checkAccess,
      { kind, scope: 'read' },
      headers,
    )
    if (answer) return 'allowed'
    const refusal = refusalOf(error)
    return refusal && !NOT_DECIDED.has(refusal.reason) ? 'denied' : 'undecided'
  }

  close(): void {
    this.#caller.close()
  }
}
