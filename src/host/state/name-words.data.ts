/** The words of invented container names. */
export const NAME_ADJECTIVES: readonly string[] =
  'able agile amber autumn bold brave bright brisk calm clear clever cosy crisp deep early eager easy fair fleet fond fresh gentle glad golden grand green happy hardy jolly keen kind light lively lucid lucky mellow merry mild neat noble open patient placid plain proud quick quiet rapid ready rosy round sharp silent silver sleek smooth snug soft solid sound steady still sunny sure swift tall tidy tranquil trim true vivid warm wise young'.split(
    ' ',
  );

export const NAME_NOUNS: readonly string[] =
  'acorn alder anchor aspen badger barge basin beacon beaver bell birch brook cabin canal canyon cedar cliff clover coral cove crane creek dale dune eagle elder elm falcon fern field finch fjord forest fox gannet glade grove gull harbour hare hazel heath heron hill ibis inlet iris island ivy juniper kite lake larch lark linnet lotus lynx maple marsh meadow mill moss oak orchard osprey otter owl pebble pier pine plover pond poplar quail quay raven reed ridge river robin rowan sail sedge sparrow spruce stoat stork stream swallow swan swift tern thicket thrush valley vole willow wren yew'.split(
    ' ',
  );
