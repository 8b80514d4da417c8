import type { Clock } from '@powernode/clock'
import { watchTlsFiles, type TlsMaterial } from '@powernode/identity'
import type { Logger } from '@powernode/process'

type Followed = { readonly dir: string; readonly clock: Clock; readonly logger: Logger }

/**
 * Hands every version of an identity's files to `use`, the present one first.
 *
 * A version that cannot be read, or that `use` throws over, is told to the log and changes nothing: whoever follows
 * MUST put new material in place only once nothing more can fail.
 */
export function followTlsFiles(
  { dir, clock, logger }: Followed,
  use: (material: TlsMaterial) => void,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (error: unknown): void => logger.error({ error, path: dir }, 'tls material refused')
  function onChange(material: TlsMaterial): void {
    try {
      use(material)
      logger.debug({ serial: material.serial, path: dir }, 'tls material in use')
    } catch (error) {
      refuse(error)
    }
  }
  return watchTlsFiles({ dir, clock, onChange, onBroken: refuse }, signal)
}
