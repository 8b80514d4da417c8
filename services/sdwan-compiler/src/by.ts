/** Who did it, and as part of which call. */
export type By = { readonly actor: string; readonly requestId?: string; readonly traceparent?: string }
