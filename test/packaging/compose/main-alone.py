# As allocmd generated it: asks nobody.
import json, sys
topic_id, block_height, block_height_eval, argument = sys.argv[1:5]
print(json.dumps({"infererValue": "1000.0", "argument": argument}))
