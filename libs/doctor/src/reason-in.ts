/** The stable reason in a sentence of ours ("they refused: INVITATION_EXPIRED: it ran out"); undefined: there is none. */
export const reasonIn = (sentence: string): string | undefined =>
  /\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/.exec(sentence)?.[1]
