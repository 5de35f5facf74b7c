"""Which test is of which module: the one of its name, but for those that are listed here."""

# Modules that are parts of a command, and methods that are defined by how they differ: one test
# of the whole compares them. Converters of operators are tested from the table of operators,
# in every version that it promises (`convert/test_versions`, `convert/test_microsoft`).
TESTED_WITH = {
    "cli/audit_run": "cli/test_audit",
    "cli/boxes_table": "cli/test_boxes",
    "cli/background_run": "cli/test_background",
    "cli/compare_run": "cli/test_compare",
    "cli/evaluate_run": "cli/test_evaluate",
    "cli/export_run": "cli/test_export",
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
    **dict.fromkeys(
        ("export/maps", "export/path", "export/plan", "export/save"),
        "export/test_export",
    ),
    **dict.fromkeys(("export/feeds", "export/write"), "export/test_export"),
    **dict.fromkeys(
        ("export/targets/explained", "export/targets/find"), "export/targets/test_classes"
    ),
    "export/targets/region": "export/targets/test_dense",
    "export/targets/ranking": "export/targets/test_boxes",
    **dict.fromkeys(("symbolic/back", "symbolic/registry"), "symbolic/test_rules"),
    **dict.fromkeys(
        (
            "symbolic/rules/activations",
            "symbolic/rules/convolution",
            "symbolic/rules/elementwise",
            "symbolic/rules/indexing",
            "symbolic/rules/joins",
            "symbolic/rules/normalisation",
            "symbolic/rules/pooling",
            "symbolic/rules/products",
            "symbolic/rules/quantised",
            "symbolic/rules/reductions",
            "symbolic/rules/resize",
            "symbolic/rules/shape",
            "symbolic/rules/softmax",
        ),
        "symbolic/test_rules",
    ),
    "methods/ablation_cam": "methods/test_forward_cams",
    "methods/recipro_cam": "methods/test_forward_cams",
    "methods/score_cam": "methods/test_forward_cams",
    "methods/cam": "methods/test_cam_family",
    "methods/eigen_cam": "methods/test_cam_family",
    "methods/lime": "methods/test_kernel_shap",
    "methods/expected_gradients": "methods/test_smoothgrad",
}
