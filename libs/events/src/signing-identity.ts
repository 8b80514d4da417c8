import type { Clock } from '@powernode/clock'
import { watchTlsFiles, type TlsMaterial } from '@powernode/identity'
import type { Logger } from '@powernode/process'
import { createJudge, type Judge } from './judge.ts'
import { createSigner, standingOf, type Signer, type Standing } from './signer.ts'

/** With what a service's news is signed, and that of the others judged; made anew with each version of its files. */
export type SigningIdentity = { readonly signer: Signer; readonly judge: Judge; readonly standing: Standing }

export type FollowedIdentity = {
  /** The newest version that can be used. Throws while there has been none: nothing is published or heard then. */
  current(): SigningIdentity
  run(signal: AbortSignal): Promise<void>
}

/** Follows the files of an identity. The first version is there as soon as this runs. */
export function followSigningIdentity({
  dir,
  clock,
  logger,
}: {
  readonly dir: string | undefined
  readonly clock: Clock
  readonly logger: Logger | undefined
}): FollowedIdentity {
  let identity: SigningIdentity | undefined

  function use(material: TlsMaterial): void {
    const [signer, judge, standing] = [createSigner(material), createJudge(material), standingOf(material)]
    identity = { signer, judge, standing }
  }

  return {
    current() {
      if (!identity) throw new Error(`without an identity no event is signed or believed (${dir ?? 'no folder named'})`)
      return identity
    },
    async run(signal) {
      if (dir === undefined) return
      const onBroken = (error: Error) => logger?.error({ task: 'bus', path: dir, error }, 'identity refused')
      await watchTlsFiles({ dir, clock, onChange: use, onBroken }, signal)
    },
  }
}
