/** Dashboards and their panels, as far as Grafana publishes types of them. */
import type * as schema from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as GeomapOptions } from '@grafana/schema/dist/esm/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as StateTimelineFields,
  Options as StateTimelineOptions,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type {
  FieldConfig as StatusHistoryFields,
  Options as StatusHistoryOptions,
} from '@grafana/schema/dist/esm/raw/composable/statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen';
import type { Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesFields,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

import type { Json } from './json';

type Field = Omit<schema.FieldConfig, 'custom'>;

/** InfluxDB's plugin, of whose queries no type is published. */
interface Query extends Json<schema.DataQuery> {
  readonly refId: string;
  readonly rawQuery: true;
  readonly query: string;
  readonly resultFormat: 'time_series' | 'table';
  readonly alias?: string;
}

interface Marks extends Json<schema.DataQuery> {
  readonly refId: string;
  readonly rawQuery: true;
  readonly query: string;
  readonly fromAnnotations: true;
  readonly textEditor: true;
  readonly textColumn: string;
  readonly tagsColumn: string;
}

/** What tables have until Grafana 12; later ones read it, and write it otherwise. */
interface OldTableOptions {
  readonly footer?: { readonly show?: false; readonly reducer?: readonly []; readonly countRows?: boolean };
}
interface OldTableFields {
  readonly hidden?: boolean;
}

/** What Grafana and its SDK write of variables, and the type leaves out. */
interface VariableMembers {
  /** The query once more, for lists of variables. */
  readonly definition?: string;
  /** Only a variable of type interval needs it. */
  readonly auto?: false;
  readonly auto_min?: string;
  readonly auto_count?: number;
}

/** An override names a member of the field, or of what its plugin adds to it. */
type Property<Custom> =
  | { [Name in keyof Field]-?: { readonly id: Name; readonly value: Json<Field[Name]> } }[keyof Field]
  | {
      [Name in keyof Custom & string]-?: {
        readonly id: `custom.${Name}`;
        readonly value: Json<Custom[Name]>;
      };
    }[keyof Custom & string];

interface Override<Custom> {
  readonly matcher: Json<schema.MatcherConfig>;
  readonly properties: readonly Property<Custom>[];
}

interface Panel<Type extends string, Options, Custom>
  extends Json<Omit<schema.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'>> {
  readonly type: Type;
  readonly options: Json<Options>;
  readonly fieldConfig: {
    readonly defaults: Json<Field> & { readonly custom?: Json<Custom> };
    readonly overrides: readonly Override<Custom>[];
  };
  readonly targets?: readonly Query[];
}

export interface Board extends Json<Omit<schema.Dashboard, 'annotations' | 'panels' | 'templating'>> {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly annotations: {
    readonly list: readonly (Json<Omit<schema.AnnotationQuery, 'target'>> & { readonly target: Marks })[];
  };
  readonly templating: { readonly list: readonly (Json<schema.VariableModel> & VariableMembers)[] };
  /** Each is held against the type of its plugin. */
  readonly panels: readonly [];
}

export interface Row extends Json<Omit<schema.RowPanel, 'type' | 'panels'>> {
  readonly type: 'row';
  readonly panels: readonly [];
}

export type BarGauge = Panel<'bargauge', BarGaugeOptions, {}>;
export type Geomap = Panel<'geomap', GeomapOptions, schema.HideableFieldConfig>;
export type Stat = Panel<'stat', StatOptions, {}>;
export type StateTimeline = Panel<'state-timeline', StateTimelineOptions, StateTimelineFields>;
export type StatusHistory = Panel<'status-history', StatusHistoryOptions, StatusHistoryFields>;
export type Table = Panel<'table', TableOptions & OldTableOptions, schema.TableFieldOptions & OldTableFields>;
export type TimeSeries = Panel<'timeseries', TimeSeriesOptions, TimeSeriesFields>;
/** Grafana publishes no options of it. */
export type AlertList = Panel<'alertlist', Record<string, unknown>, {}>;
