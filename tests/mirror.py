"""Which test is of which module: the one of its name, but for those that are listed here."""

# Modules that are parts of a command, and methods that are defined by how they differ: one test
# of the whole compares them. Converters of operators are tested from the table of operators,
# in every version that it promises (`convert/test_versions`, `convert/test_microsoft`).
TESTED_WITH = {
    "cli/audit_run": "cli/test_audit",
    "cli/background_run": "cli/test_background",
    "cli/compare_run": "cli/test_compare",
    "cli/evaluate_run": "cli/test_evaluate",
    "cli/inspect_report": "cli/test_inspect",
    "cli/report_run": "cli/test_report",
    "cli/verify_run": "cli/test_verify",
    "cli/explain/results": "cli/explain/test_command",
    "cli/explain/run": "cli/explain/test_command",
    "cli/explain/show": "cli/explain/test_command",
    "cli/features/data_views": "cli/features/test_command",
    "cli/features/made_views": "cli/features/test_command",
    "cli/features/options": "cli/features/test_command",
    "cli/features/picture_views": "cli/features/test_command",
    "methods/ablation_cam": "methods/test_forward_cams",
    "methods/recipro_cam": "methods/test_forward_cams",
    "methods/score_cam": "methods/test_forward_cams",
    "methods/cam": "methods/test_cam_family",
    "methods/eigen_cam": "methods/test_cam_family",
    "methods/lime": "methods/test_kernel_shap",
    "methods/expected_gradients": "methods/test_smoothgrad",
}

# Modules without a test of their own name; others test them in passing. This list only gets
# shorter: a module that has its test must leave it.
NOT_YET = {
    "adapters": """
        converted coupling forward_engine ort torch trio
    """,
    "adapters/incremental": """
        costs execute sessions submodel work
    """,
    "evaluate": """
        case case_measures cases flower_drawing measures question
    """,
    "features": """
        activations archive averages collect enriched passes patches responses
    """,
    "graph": """
        attention axes bodies channel_count draws external hashed input_axes
        integer_groups left_out light load normalisation output_names padding
        pixel_arithmetic pixel_steps pixels preprocessing_chain quantised reach resampling
        sections shapes slices squeeze training type_text
    """,
    "graph/answers": """
        answer batch class_axis detector_maps detector_rows doubts front groups interpret
        normalised output_shapes outputs part pictures tensor_reader trace written_softmax
    """,
    "graph/answers/boxes": """
        elements final_rows find found scales separate suppressed whole_rows
    """,
    "graph/expand": """
        attention builder expand fused quantised
    """,
    "inputs": """
        array_file beside declared fit image_formats label_count label_order label_table
        label_yaml picture recipe recipe_values save_beside source undeclared
    """,
    "inputs/conventions": """
        beside convention custom_vision keras_hub metadata openvino timm windows
    """,
    "methods": """
        attn_lrp
    """,
    "model": """
        load model opened record
    """,
    "network": """
        answer chosen_layer concrete_shapes context preprocessing_cut settled_boxes
        sharing
    """,
    "targets": """
        recorded request target
    """,
    "targets/boxes": """
        box_match box_number frame layout request
    """,
    "tasks": """
        find prediction task
    """,
}
