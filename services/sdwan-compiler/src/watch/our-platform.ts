import type { Client } from '@connectrpc/connect'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'

/** Who we are to others: asked once, since a platform's id is for ever. */
export class OurPlatform {
  readonly #registry: Client<typeof PeerRegistryService>
  #id = ''

  constructor(registry: Client<typeof PeerRegistryService>) {
    this.#registry = registry
  }

  async id(signal: AbortSignal): Promise<string> {
    if (this.#id === '') {
      const { platform } = await this.#registry.getPlatform({}, { signal })
      if (!platform) throw new Error('peer-registry does not say who we are')
      this.#id = platform.platformId
    }
    return this.#id
  }
}
