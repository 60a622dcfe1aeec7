/**
 * A type as its JSON is: every member optional, every enum the literals that it stands for.
 *
 * TypeScript takes no literal for an enum ('auto' for VizOrientation.Auto), and widening both to
 * `string` would check nothing. Members are optional because Grafana's types require all that has
 * a default, which a dashboard may leave out.
 * (`number extends T` would be true of an enum of numbers too.)
 */
export type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? `${number}` extends `${T}`
        ? number
        : `${T}` extends `${infer N extends number}`
          ? N
          : never
      : T extends readonly (infer Item)[]
        ? readonly Json<Item>[]
        : T extends object
          ? { readonly [Name in keyof T]?: Json<T[Name]> }
          : T;
