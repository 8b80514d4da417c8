type Cause = { readonly actor: string; readonly requestId?: string; readonly traceparent?: string }

/** Who caused an event, and as part of which call, as an announcement says it. */
export const causeOf = ({ actor, requestId, traceparent }: Cause) => ({ actor, correlationId: requestId, traceparent })
