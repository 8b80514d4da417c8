/** Ids as they are printed: what stands in an example in the place of one's own. */
export const ID = '0198de00-0000-7000-8000-0000000000a1'
export const HUB = '0198de00-0000-7000-8000-0000000000a1'
export const WEB = '0198de00-0000-7000-8000-0000000000a2'
export const IDENTITY = `instance/${ID}`
