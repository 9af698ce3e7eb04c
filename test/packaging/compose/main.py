# In the manner of the workers of that time, with the standard library alone.
import json, os, sys, urllib.request
ADDRESS = os.environ["INFERENCE_API_ADDRESS"]
topic_id, block_height, block_height_eval, argument = sys.argv[1:5]
value = urllib.request.urlopen(f"{ADDRESS}/inference/{argument}").read().decode()
print(json.dumps({"infererValue": value, "topic": topic_id}))
