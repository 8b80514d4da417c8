/** The log of what concerns no peer. */
export const PLATFORM_LOG = 'platform'

/** How a log is called in checkpoints: `<trust domain>/peers/<peer id>`, or `<trust domain>/platform`. */
export const originOf = (trustDomain: string, log: string): string =>
  log === PLATFORM_LOG ? `${trustDomain}/${PLATFORM_LOG}` : `${trustDomain}/peers/${log}`

/** How a platform's witness is called in cosignatures. */
export const witnessNameOf = (trustDomain: string): string => `${trustDomain}/witness`
