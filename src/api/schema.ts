/**
 * The schema language of configuration blocks.
 *
 * One schema is the source of three things: the TypeScript type of the block (`Infer`), its validation
 * (`src/config/validate.ts`, which also folds key case, fills defaults and parses durations) and the published
 * JSON Schema (`weft schema`). A schema is a plain JSON Schema object plus the few `x-weft-*` annotations below.
 *
 * (A schema library does the same and costs 20 MiB of resident memory at start; this is a page of code.)
 */

/** How far Weft goes with a key that MOSN has. */
export type Support =
  /** Does what it says. The default. */
  | 'full'
  /** MOSN accepts it without effect and so does Weft: silent. */
  | 'inert'
  /** MOSN implements it, Weft does not yet: a warning that names it. */
  | 'planned'
  /** Not implemented and it would change security or destination: an error unless `isInactive` says it is off. */
  | 'refused';

export interface SchemaOptions {
  /** One sentence for the reference and for editors. */
  description?: string;
  support?: Support;
  /** For `support: 'refused'`: values that mean "off" and therefore pass, e.g. `{status: false}`. */
  isInactive?: (value: unknown) => boolean;
  /** True for keys that MOSN does not have. */
  own?: boolean;
}

declare const staticType: unique symbol;
declare const presence: unique symbol;

/** `T` is the type after validation; `P` tells whether an object that holds it always has the key. */
export interface Schema<T = unknown, P extends 'present' | 'optional' = 'present' | 'optional'> {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  /** How far the key is supported. */
  readonly 'x-weft-support'?: Support;
  readonly 'x-weft-own'?: boolean;
  /** `{type, config}` blocks: the registry in which `type` is looked up. */
  readonly 'x-weft-registry'?: string;
  /** Keys are data (a map), not field names: their case is never folded. */
  readonly 'x-weft-map'?: boolean;
  readonly isInactive?: (value: unknown) => boolean;
  readonly [staticType]?: T;
  readonly [presence]?: P;
}

/** The TypeScript type of a value that passed validation against `S`. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Properties = Record<string, Schema>;
type PresentKeys<P extends Properties> = {
  [K in keyof P]: P[K] extends Schema<unknown, infer Presence> ? ('optional' extends Presence ? never : K) : never;
}[keyof P];
type Simplify<T> = { [K in keyof T]: T[K] };
type InferObject<P extends Properties> = Simplify<
  { [K in PresentKeys<P>]: Infer<P[K]> } & { [K in Exclude<keyof P, PresentKeys<P>>]?: Infer<P[K]> }
>;

type Optional<T> = Schema<T, 'optional'>;
type Present<T> = Schema<T, 'present'>;
type WithDefault<T> = SchemaOptions & { default: T };

function build(base: object, options: (SchemaOptions & { default?: unknown }) | undefined): Schema<never, never> {
  const { support, own, isInactive, ...rest } = options ?? {};
  const schema: Record<string, unknown> = { ...base, ...rest };
  if (support !== undefined && support !== 'full') schema['x-weft-support'] = support;
  if (own) schema['x-weft-own'] = true;
  // Not enumerable: a published JSON Schema holds data only.
  if (isInactive) Object.defineProperty(schema, 'isInactive', { value: isInactive });
  return schema as Schema<never, never>;
}

interface Builder<T> {
  (options: WithDefault<T>): Present<T>;
  (options?: SchemaOptions): Optional<T>;
}

function scalar<T>(base: object): Builder<T> {
  return ((options?: SchemaOptions) => build(base, options)) as Builder<T>;
}

/** A string. */
export const string: Builder<string> = scalar<string>({ type: 'string' });
/** A non-empty string. */
export const name: Builder<string> = scalar<string>({ type: 'string', minLength: 1 });
/** `true` or `false`. */
export const boolean: Builder<boolean> = scalar<boolean>({ type: 'boolean' });
/** Any finite number. */
export const number: Builder<number> = scalar<number>({ type: 'number' });
/** A whole number ≥ 0, what Go calls `uint`. */
export const count: Builder<number> = scalar<number>({ type: 'integer', minimum: 0 });
/** A duration in Go's syntax (`"1m30s"`, `"100ms"`, `"0"`), `null` allowed; milliseconds after validation. */
export const duration: Builder<number> = scalar<number>({ type: ['string', 'number', 'null'], format: 'duration' });
/** A regular expression in RE2 syntax; compiled when validated, kept as a string. */
export const regex: Builder<string> = scalar<string>({ type: 'string', format: 're2' });
/** Anything at all, kept as it is. */
export const any: Builder<unknown> = scalar<unknown>({});

/** A whole number within bounds. */
export function integer(minimum: number, maximum: number, options: WithDefault<number>): Present<number>;
export function integer(minimum: number, maximum: number, options?: SchemaOptions): Optional<number>;
export function integer(minimum: number, maximum: number, options?: SchemaOptions): Schema<number> {
  return build({ type: 'integer', minimum, maximum }, options);
}

/** One of a fixed list of strings. */
export function oneOf<const T extends string>(values: readonly T[], options: WithDefault<T>): Present<T>;
export function oneOf<const T extends string>(values: readonly T[], options?: SchemaOptions): Optional<T>;
export function oneOf<const T extends string>(values: readonly T[], options?: SchemaOptions): Schema<T> {
  return build({ type: 'string', enum: values }, options);
}

/** A list; absent means empty. */
export function list<S extends Schema>(
  items: S,
  options?: SchemaOptions & { minItems?: number; maxItems?: number; default?: Infer<S>[] },
): Present<Infer<S>[]> {
  return build({ type: 'array', items, default: [] }, options as SchemaOptions);
}

/** A struct: known keys, matched without regard to case. Keys are optional unless `required` or they have a default. */
export function object<const P extends Properties>(properties: P, options?: SchemaOptions): Optional<InferObject<P>> {
  const required = Object.keys(properties).filter((key) => requiredKeys.has(properties[key] as Schema));
  return build({ type: 'object', properties, ...(required.length > 0 && { required }) }, options);
}

/** A struct that is always there: absent means `{}`, filled with the defaults of its keys. */
export function block<const P extends Properties>(properties: P, options?: SchemaOptions): Present<InferObject<P>> {
  return build({ ...object(properties), default: {} }, options);
}

/** A map: keys are data and keep their case. */
export function map<S extends Schema>(values: S, options?: SchemaOptions): Optional<Record<string, Infer<S>>> {
  return build({ type: 'object', additionalProperties: values, 'x-weft-map': true }, options);
}

/** One of several shapes; the first that accepts the value wins. */
export function union<const S extends readonly Schema[]>(
  shapes: S,
  options?: SchemaOptions,
): Optional<Infer<S[number]>> {
  return build({ anyOf: shapes }, options);
}

/** A filter block `{type, config, …}`, whose `config` follows the schema registered under `registry` + `type`. */
export interface FilterBlock {
  type: string;
  /** Validated by the schema that the filter registered. */
  config: unknown;
}

/** A `{type, config}` block whose type is looked up in a registry: `network_filter`, `stream_filter`, …. */
export function registered(registry: string, options?: SchemaOptions): Optional<FilterBlock> {
  return build(
    {
      type: 'object',
      'x-weft-registry': registry,
      properties: { type: required(string()), config: any(), go_plugin_config: any({ support: 'refused' }) },
      required: ['type'],
    },
    options,
  );
}

/** A map from type names of a registry to configurations, each by the schema that its type registered. */
export function registeredMap(registry: string, options?: SchemaOptions): Optional<Record<string, unknown>> {
  return build({ type: 'object', 'x-weft-map': true, 'x-weft-registry': registry }, options);
}

// A WeakSet beside the schemas, because "required" is a property of the place, which JSON Schema keeps in the parent.
const requiredKeys = new WeakSet<Schema>();

/** Marks a key that must be there. */
export function required<T>(schema: Schema<T>): Present<T> {
  const copy = Object.create(null, Object.getOwnPropertyDescriptors(schema)) as Present<T>;
  requiredKeys.add(copy);
  return copy;
}
